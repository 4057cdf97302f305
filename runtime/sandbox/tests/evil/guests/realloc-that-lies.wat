;; Gives the host room that lies beyond its memory; its configuration needs two bytes.
;; stage: process
;; verdict: 
;; says: 
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (if (result i32) (i32.gt_u (local.get 3) (i32.const 2)) (then (i32.const -16)) (else (i32.const 65536))))
