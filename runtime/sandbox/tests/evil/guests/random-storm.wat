;; Asks for random bytes for ever, 64 KiB at a time.
;; stage: process
;; verdict: limit_fuel
;; says: 
(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
(memory (export "memory") 4)
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 65536))
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (call $random (i64.const 65536) (i32.const 8))
    (br $again))
  (unreachable))
