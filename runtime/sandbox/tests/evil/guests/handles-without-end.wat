;; Takes handles of the host and gives none back.
;; stage: process
;; verdict: trap_other
;; says: 
(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $sleep (param i64) (result i32)))
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (drop (call $sleep (i64.const 0)))
    (br $again))
  (unreachable))
