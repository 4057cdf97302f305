;; An honest transform without a toolchain: it filters every record. A guest of `guests/` replaces what it names.

;; part: memory
(memory (export "memory") 4)

;; part: texts
(data (i32.const 16) "evil1tv")

;; part: description
;; `evil`, version `1`, rows in JSON, one table `t` with one nullable text `v`.
(data (i32.const 1024) "\10\00\00\00\04\00\00\00\14\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\50\04\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
(data (i32.const 1104) "\15\00\00\00\01\00\00\00\90\04\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
(data (i32.const 1168) "\16\00\00\00\01\00\00\00\06\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")

;; part: heap
(global $heap (mut i32) (i32.const 131072))

;; part: $realloc
;; Never frees; grows the memory where it must.
(func $realloc (export "cabi_realloc") (param $old i32) (param $old_bytes i32) (param $align i32) (param $bytes i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
  (global.set $heap (i32.add (local.get $at) (local.get $bytes)))
  (if (i32.gt_u (global.get $heap) (i32.shl (memory.size) (i32.const 16)))
    (then
      (drop
        (memory.grow
          (i32.add (i32.shr_u (i32.sub (global.get $heap) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)) (i32.const 1))))))
  (local.get $at))

;; part: $describe
(func $describe (export "describe") (result i32)
  (i32.const 1024))

;; part: $configure
(func $configure (export "configure") (param i32 i32 i64 i64 i64 i64 i64 i64 i64) (result i32)
  (i32.const 1200))

;; part: $process
(func $process (export "process") (param $batch i32) (result i32)
  (call $filter (local.get $batch)))

;; part: $filter
;; An outcome that filters all records of a batch: as many zeros as it has offsets.
(func $filter (param $batch i32) (result i32)
  (i32.store (i32.const 1232) (i32.const 2048))
  (i32.store offset=4 (i32.const 1232) (i32.load offset=24 (local.get $batch)))
  (i32.const 1232))
