;; Has a JSON Schema of 64 MiB.
;; stage: load
;; verdict: error
;; says: it hands over more than 8388608 bytes
(memory (export "memory") 1100)

(func $describe (export "describe") (result i32)
  (i32.store offset=16 (i32.const 1024) (i32.const 1))
  (i32.store offset=20 (i32.const 1024) (i32.const 131072))
  (i32.store offset=24 (i32.const 1024) (i32.const 67108864))
  (i32.const 1024))
