;; Does what the first byte of a record's value says: `r` to reject, `p` to panic, `t` to trap without a word, `l` to loop, `m` to
;; take all memory, `o` to give too much output; otherwise it works for as long as an honest transform and gives a row.

;; Rows in JSON: 0, in columns: 1.
(global $form i32 (i32.const 0))

;; Where things lie: verdicts 0x4000, records of rows 0x8000, texts 0x10000, ends 0x18000, rejections 0x20000, their ends 0x28000
;; (in steps of four bytes a text), the records that come in from 0x40000 on.
(memory (export "memory") 4)

(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
  (global.set $top (i32.add (local.get $at) (local.get 3)))
  (loop $again
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
      (then (drop (memory.grow (i32.const 4))) (br $again))))
  (local.get $at))
(global $top (mut i32) (i32.const 0x40000))

(func $describe (export "describe") (result i32)
  (i32.store8 offset=36 (i32.const 1024) (global.get $form))
  (i32.const 1024))

;; About 350 ns.
(func $work (local $left i32) (local $sum i32)
  (local.set $left (i32.const 350))
  (loop $again
    (local.set $sum (i32.xor (i32.mul (local.get $sum) (i32.const 31)) (local.get $left)))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (i32.store (i32.const 2000) (local.get $sum)))

(func $take_memory (local $at i32)
  (loop $again
    (local.set $at (memory.grow (i32.const 64)))
    (if (i32.eq (local.get $at) (i32.const -1)) (then (unreachable)))
    (memory.fill (i32.shl (local.get $at) (i32.const 16)) (i32.const 1) (i32.const 4194304))
    (br $again)))

(func $process (export "process") (param $batch i32) (result i32)
  (local $record i32) (local $records i32) (local $deed i32) (local $start i32)
  (local $rows i32) (local $rejected i32) (local $bytes i32)
  (local.set $records (i32.load offset=24 (local.get $batch)))
  (loop $next
    (local.set $deed (i32.load8_u (i32.add (i32.load offset=76 (local.get $batch)) (local.get $start))))
    (local.set $start
      (i32.load (i32.add (i32.load offset=84 (local.get $batch)) (i32.shl (local.get $record) (i32.const 2)))))
    (if (i32.eq (local.get $deed) (i32.const 108)) (then (loop $ever (br $ever))))
    (if (i32.eq (local.get $deed) (i32.const 109)) (then (call $take_memory)))
    (if (i32.eq (local.get $deed) (i32.const 112))
      (then
        (call $last_words (i32.const 16) (i32.const 4) (i32.const 1) (local.get $record))
        (unreachable)))
    (if (i32.eq (local.get $deed) (i32.const 116)) (then (unreachable)))
    (if (i32.eq (local.get $deed) (i32.const 111))
      (then
        (if (i32.lt_u (memory.size) (i32.const 300)) (then (drop (memory.grow (i32.const 300)))))
        (local.set $bytes (i32.const 0x1100000))))
    (call $work)
    (if (i32.eq (local.get $deed) (i32.const 114))
      (then
        (i32.store8 (i32.add (i32.const 0x4000) (local.get $record)) (i32.const 2))
        (i32.store (i32.add (i32.const 0x20000) (i32.shl (local.get $rejected) (i32.const 2))) (local.get $record))
        (local.set $rejected (i32.add (local.get $rejected) (i32.const 1)))
        (i32.store (i32.add (i32.const 0x27ffc) (i32.shl (local.get $rejected) (i32.const 2))) (local.get $rejected)))
      (else
        (i32.store8 (i32.add (i32.const 0x4000) (local.get $record)) (i32.const 1))
        (i32.store (i32.add (i32.const 0x8000) (i32.shl (local.get $rows) (i32.const 2))) (local.get $record))
        (i32.store16 (i32.add (i32.const 0x10000) (i32.shl (local.get $rows) (i32.const 1))) (i32.const 0x7d7b))
        (local.set $rows (i32.add (local.get $rows) (i32.const 1)))
        (i32.store (i32.add (i32.const 0x17ffc) (i32.shl (local.get $rows) (i32.const 2)))
          (i32.shl (local.get $rows) (i32.const 1)))))
    (local.set $record (i32.add (local.get $record) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $record) (local.get $records))))
  (global.set $top (i32.const 0x40000))
  (if (i32.eqz (local.get $bytes)) (then (local.set $bytes (i32.shl (local.get $rows) (i32.const 1)))))
  ;; The outcome.
  (i32.store (i32.const 1232) (i32.const 0x4000))
  (i32.store offset=4 (i32.const 1232) (local.get $records))
  (i32.store offset=8 (i32.const 1232) (i32.const 1304))
  (i32.store offset=12 (i32.const 1232) (i32.ne (local.get $rows) (i32.const 0)))
  (i32.store offset=16 (i32.const 1232) (i32.const 0x20000))
  (i32.store offset=20 (i32.const 1232) (local.get $rejected))
  ;; Its codes, messages and paths: one letter each.
  (call $texts (i32.const 1256) (local.get $rejected))
  (call $texts (i32.const 1272) (local.get $rejected))
  (call $texts (i32.const 1288) (local.get $rejected))
  ;; Its rows.
  (i32.store offset=4 (i32.const 1304) (i32.const 0x8000))
  (i32.store offset=8 (i32.const 1304) (local.get $rows))
  (i32.store8 offset=20 (i32.const 1304) (global.get $form))
  (if (global.get $form)
    (then
      (i32.store offset=24 (i32.const 1304) (i32.const 1400))
      (i32.store offset=28 (i32.const 1304) (i32.const 1))
      (i32.store8 (i32.const 1400) (i32.const 6))
      (i32.store offset=4 (i32.const 1400) (i32.const 0x10000))
      (i32.store offset=8 (i32.const 1400) (local.get $bytes))
      (i32.store offset=12 (i32.const 1400) (i32.const 0x18000))
      (i32.store offset=16 (i32.const 1400) (local.get $rows)))
    (else
      (i32.store offset=24 (i32.const 1304) (i32.const 0x10000))
      (i32.store offset=28 (i32.const 1304) (local.get $bytes))
      (i32.store offset=32 (i32.const 1304) (i32.const 0x18000))
      (i32.store offset=36 (i32.const 1304) (local.get $rows))))
  (i32.const 1232))

(func $texts (param $at i32) (param $count i32)
  (i32.store (local.get $at) (i32.const 0x30000))
  (i32.store offset=4 (local.get $at) (local.get $count))
  (i32.store offset=8 (local.get $at) (i32.const 0x28000))
  (i32.store offset=12 (local.get $at) (local.get $count)))
