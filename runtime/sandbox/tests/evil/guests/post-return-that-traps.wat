;; Traps after it has returned.
;; stage: process
;; verdict: trap_unreachable
;; says: 
(func (export "cabi_post_process") (param i32)
  (unreachable))
