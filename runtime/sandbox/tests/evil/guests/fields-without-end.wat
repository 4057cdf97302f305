;; Describes a million fields.
;; stage: load
;; verdict: error
;; says: fields
(memory (export "memory") 600)
(func $describe (export "describe") (result i32)
  (local $field i32)
  (i32.store offset=8 (i32.const 1104) (i32.const 131072))
  (i32.store offset=12 (i32.const 1104) (i32.const 50000))
  (local.set $field (i32.const 131072))
  (loop $again
    (memory.copy (local.get $field) (i32.const 1168) (i32.const 28))
    (local.set $field (i32.add (local.get $field) (i32.const 28)))
    (br_if $again (i32.lt_u (local.get $field) (i32.const 1600000))))
  (i32.const 1024))
