;; Has a name that is not text.
;; stage: load
;; verdict: error
;; says: utf-8
(memory (export "memory") 4)
(data (i32.const 2000) "\ff\fe")
(func $describe (export "describe") (result i32)
  (i32.store offset=0 (i32.const 1024) (i32.const 2000))
  (i32.store offset=4 (i32.const 1024) (i32.const 2))
  (i32.const 1024))
