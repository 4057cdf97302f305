;; Returns a list of tables at an odd address.
;; stage: process
;; verdict: malformed_outcome
;; says: not aligned
(func $process (export "process") (param $batch i32) (result i32)
  (drop (call $filter (local.get $batch)))
  (i32.store offset=8 (i32.const 1232) (i32.const 1301))
  (i32.store offset=12 (i32.const 1232) (i32.const 1))
  (i32.const 1232))
