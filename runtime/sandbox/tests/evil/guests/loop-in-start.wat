;; Loops for ever before it is asked for anything.
;; stage: load
;; verdict: error
;; says: takes longer than 5s
(func $start (loop $again (br $again)))
(start $start)
