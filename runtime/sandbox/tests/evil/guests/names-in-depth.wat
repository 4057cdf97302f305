;; Traps below many frames, each of a function with a name of 64 KiB.
;; stage: process
;; verdict: trap_unreachable
;; says: 
;; names: 65536

(func $deep (param $left i32)
  (if (i32.eqz (local.get $left)) (then (unreachable)))
  (call $deep (i32.sub (local.get $left) (i32.const 1))))
(func $process (export "process") (param $batch i32) (result i32)
  (call $deep (i32.const 100))
  (call $filter (local.get $batch)))
