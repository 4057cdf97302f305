;; Gives the host the same room for everything, its own description included.
;; stage: process
;; verdict: 
;; says: 
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 1024))
