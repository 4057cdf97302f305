;; Loops for ever over a record.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again (br $again))
  (unreachable))
