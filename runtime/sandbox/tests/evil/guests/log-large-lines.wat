;; Logs lines of 8 MiB for ever: a few units of fuel each, if only instructions counted.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(memory (export "memory") 200)
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (call $write (i32.const 3) (i32.const 0x200000) (i32.const 0x800000))
    (br $again))
  (unreachable))
