;; Logs one line of 64 MiB.
;; stage: process
;; verdict: trap_other
;; says: more than
(memory (export "memory") 1100)
(func $process (export "process") (param $batch i32) (result i32)
  (call $write (i32.const 3) (i32.const 131072) (i32.const 0x4000000))
  (call $filter (local.get $batch)))
