;; Takes all memory that there is before it is asked for anything, and is content with it.
;; stage: process
;; verdict: filtered
;; says: 
(func $start
  (loop $again
    (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))))
(start $start)
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 65536))
