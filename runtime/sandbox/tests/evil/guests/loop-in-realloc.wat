;; Loops for ever where the host asks for room for a record; its configuration needs two bytes.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (if (i32.gt_u (local.get 3) (i32.const 2)) (then (loop $again (br $again))))
  (i32.const 65536))
