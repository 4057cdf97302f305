;; Grows a table without end.
;; stage: process
;; verdict: limit_memory
;; says: memory
(table $table 1 funcref)
(func $process (export "process") (param $batch i32) (result i32)
  (loop $again
    (if (i32.eq (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1)) (then (unreachable)))
    (br $again))
  (unreachable))
