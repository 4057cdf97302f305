;; Gives a row of 15 MiB for each record, just below what one record may give: the batch as a whole has no end.
;; stage: process
;; verdict: emitted
;; says:
(memory (export "memory") 280)
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 65536))
(func $process (export "process") (param $batch i32) (result i32)
  (drop (call $filter (local.get $batch)))
  (memory.fill (i32.const 2048) (i32.const 1) (i32.load offset=4 (i32.const 1232)))
  (i32.store offset=8 (i32.const 1232) (i32.const 1304))
  (i32.store offset=12 (i32.const 1232) (i32.const 1))
  (i32.store offset=4 (i32.const 1304) (i32.const 1400))
  (i32.store offset=8 (i32.const 1304) (i32.const 1))
  (i32.store offset=24 (i32.const 1304) (i32.const 0x200000))
  (i32.store offset=28 (i32.const 1304) (i32.const 0xf00000))
  (i32.store offset=32 (i32.const 1304) (i32.const 1404))
  (i32.store offset=36 (i32.const 1304) (i32.const 1))
  (i32.store (i32.const 1404) (i32.const 0xf00000))
  (memory.fill (i32.const 0x200000) (i32.const 32) (i32.const 0xf00000))
  (i32.store16 (i32.const 0x200000) (i32.const 0x7d7b))
  (i32.const 1232))
