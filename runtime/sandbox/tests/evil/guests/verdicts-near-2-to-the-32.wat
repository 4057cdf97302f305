;; Returns 2^32 - 1 verdicts.
;; stage: process
;; verdict: malformed_outcome
;; says: out of bounds
(func $process (export "process") (param $batch i32) (result i32)
  (drop (call $filter (local.get $batch)))
  (i32.store offset=4 (i32.const 1232) (i32.const -1))
  (i32.const 1232))
