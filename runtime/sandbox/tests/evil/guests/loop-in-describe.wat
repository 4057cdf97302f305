;; Loops for ever over its own description.
;; stage: load
;; verdict: error
;; says: takes longer than 5s
(func $describe (export "describe") (result i32)
  (loop $again (br $again))
  (unreachable))
