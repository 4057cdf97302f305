;; Traps where the host asks for room for a record.
;; stage: process
;; verdict: trap_unreachable
;; says: 
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (if (i32.gt_u (local.get 3) (i32.const 2)) (then (unreachable)))
  (i32.const 65536))
