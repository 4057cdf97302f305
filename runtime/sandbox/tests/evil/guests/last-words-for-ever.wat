;; Says its last words for ever, 8 MiB at a time.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(memory (export "memory") 200)
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (call $last_words (i32.const 0x200000) (i32.const 0x800000) (i32.const 1) (i32.const 0))
    (br $again))
  (unreachable))
