;; Logs 10,000 lines in each instance before its first record, and traps at each record.
;; stage: process
;; verdict: trap_unreachable
;; says:
(func $configure (export "configure") (param i32 i32 i64 i64 i64 i64 i64 i64 i64) (result i32)
  (local $left i32)
  (local.set $left (i32.const 10000))
  (loop $again
    (call $write (i32.const 3) (i32.const 16) (i32.const 4))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (i32.const 1200))
(func $process (export "process") (param $batch i32) (result i32)
  (unreachable))
