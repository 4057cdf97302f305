;; Loops for ever over its configuration.
;; stage: configure
;; verdict: error
;; says: takes longer than 5s
(func $configure (export "configure") (param i32 i32 i64 i64 i64 i64 i64 i64 i64) (result i32)
  (loop $again (br $again))
  (unreachable))
