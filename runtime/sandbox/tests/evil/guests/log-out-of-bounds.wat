;; Logs a line that lies beyond its memory.
;; stage: process
;; verdict: trap_other
;; says: out of bounds
(func $process (export "process") (param $batch i32) (result i32)
  (call $write (i32.const 1) (i32.const 0x7fffffff) (i32.const 0x7fffffff))
  (call $filter (local.get $batch)))
