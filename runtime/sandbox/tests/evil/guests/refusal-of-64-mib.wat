;; Refuses its configuration with 64 MiB of reasons.
;; stage: configure
;; verdict: error
;; says: it hands over more than 8388608 bytes
(memory (export "memory") 1100)
(func $configure (export "configure") (param i32 i32 i64 i64 i64 i64 i64 i64 i64) (result i32)
  (i32.store (i32.const 1200) (i32.const 1))
  (i32.store offset=4 (i32.const 1200) (i32.const 131072))
  (i32.store offset=8 (i32.const 1200) (i32.const 0x4000000))
  (i32.const 1200))
