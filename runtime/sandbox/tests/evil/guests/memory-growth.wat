;; Takes all memory that there is, writes to it, and gives up.
;; stage: process
;; verdict: limit_memory
;; says: memory
(func $process (export "process") (param $batch i32) (result i32)
  (local $at i32)
  (loop $again
    (local.set $at (memory.grow (i32.const 64)))
    (if (i32.eq (local.get $at) (i32.const -1)) (then (unreachable)))
    (memory.fill (i32.shl (local.get $at) (i32.const 16)) (i32.const 1) (i32.const 4194304))
    (br $again))
  (unreachable))
