;; Has a name that would write to a terminal.
;; stage: load
;; verdict: error
;; says: no control characters
(memory (export "memory") 4)
(data (i32.const 2000) "\1b[2J")
(func $describe (export "describe") (result i32)
  (i32.store offset=0 (i32.const 1024) (i32.const 2000))
  (i32.store offset=4 (i32.const 1024) (i32.const 4))
  (i32.const 1024))
