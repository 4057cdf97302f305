;; Returns an outcome that lies beyond its memory.
;; stage: process
;; verdict: malformed_outcome
;; says: out of bounds
(func $process (export "process") (param $batch i32) (result i32)
  (i32.const -8))
