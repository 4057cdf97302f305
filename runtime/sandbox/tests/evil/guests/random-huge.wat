;; Asks for 2^64 - 1 random bytes.
;; stage: process
;; verdict: trap_other
;; says: 
(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
(func $process (export "process") (param $batch i32) (result i32)
  (call $random (i64.const -1) (i32.const 8))
  (call $filter (local.get $batch)))
