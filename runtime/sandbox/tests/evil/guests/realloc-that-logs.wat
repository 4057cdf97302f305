;; Calls the host where it may not: while the host asks for room.
;; stage: process
;; verdict: 
;; says: 
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (if (i32.gt_u (local.get 3) (i32.const 2))
    (then (call $write (i32.const 3) (i32.const 16) (i32.const 4))))
  (i32.const 65536))
