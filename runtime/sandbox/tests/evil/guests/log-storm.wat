;; Logs empty lines for ever.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (call $write (i32.const 0) (i32.const 16) (i32.const 0))
    (br $again))
  (unreachable))
