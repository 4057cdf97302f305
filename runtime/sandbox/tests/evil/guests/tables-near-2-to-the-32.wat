;; Describes 2^32 - 1 tables.
;; stage: load
;; verdict: error
;; says: out of bounds
(memory (export "memory") 4)

(func $describe (export "describe") (result i32)
  (i32.store offset=40 (i32.const 1024) (i32.const 1104))
  (i32.store offset=44 (i32.const 1024) (i32.const -1))
  (i32.const 1024))
