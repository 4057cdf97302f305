;; Loops for ever after it has returned.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(func (export "cabi_post_process") (param i32)
  (loop $again (br $again)))
