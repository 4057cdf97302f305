;; Logs at a level that does not exist.
;; stage: process
;; verdict: trap_other
;; says: discriminant
(func $process (export "process") (param $batch i32) (result i32)
  (call $write (i32.const 77) (i32.const 16) (i32.const 1))
  (call $filter (local.get $batch)))
