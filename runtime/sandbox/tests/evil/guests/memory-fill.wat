;; Fills its memory again and again: one instruction for 16 MiB.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(memory (export "memory") 300)
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (memory.fill (i32.const 131072) (i32.const 7) (i32.const 16777216))
    (br $again))
  (unreachable))
