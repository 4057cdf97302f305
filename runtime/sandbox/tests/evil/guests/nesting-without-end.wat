;; Describes a list of lists of lists, 5,000 deep.
;; stage: load
;; verdict: error
;; says: nested deeper
(func $describe (export "describe") (result i32)
  (local $field i32)
  (i32.store offset=8 (i32.const 1104) (i32.const 4096))
  (i32.store offset=12 (i32.const 1104) (i32.const 5000))
  (local.set $field (i32.const 4096))
  (loop $again
    (memory.copy (local.get $field) (i32.const 1168) (i32.const 28))
    ;; list-of
    (i32.store offset=8 (local.get $field) (i32.const 11))
    (local.set $field (i32.add (local.get $field) (i32.const 28)))
    (br_if $again (i32.lt_u (local.get $field) (i32.const 144096))))
  (i32.const 1024))
