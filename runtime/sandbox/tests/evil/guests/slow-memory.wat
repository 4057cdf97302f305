;; Makes each load wait for the memory: fuel alone would let it go on for ten times as long as a loop.
;; stage: process
;; verdict: limit_fuel
;; says: record_fuel_max
(memory (export "memory") 1800)
(func $process (export "process") (param $batch i32) (result i32)
  (local $at i32)
  ;; A walk by a large odd stride through 112 MiB: each step is a page and a cache line that no prefetcher foresees.
  (loop $again
    (local.set $at
      (i32.add
        (i32.load offset=4096
          (i32.and (i32.mul (i32.add (local.get $at) (i32.const 40503)) (i32.const 2654435769)) (i32.const 0x6fffffc)))
        (i32.add (local.get $at) (i32.const 1))))
    (br $again))
  (unreachable))
