;; Waits for a handle that it never had.
;; stage: process
;; verdict: trap_other
;; says: 
(import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
(func $process (export "process") (param $batch i32) (result i32)
  (call $block (i32.const 0x7fc00000))
  (call $filter (local.get $batch)))
