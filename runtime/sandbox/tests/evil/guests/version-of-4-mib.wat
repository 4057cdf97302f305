;; Has a version of 4 MiB, which would stand in each dead letter.
;; stage: load
;; verdict: error
;; says: `version` must have
(memory (export "memory") 200)

(func $describe (export "describe") (result i32)
  (i32.store offset=8 (i32.const 1024) (i32.const 131072))
  (i32.store offset=12 (i32.const 1024) (i32.const 4194304))
  (i32.const 1024))
