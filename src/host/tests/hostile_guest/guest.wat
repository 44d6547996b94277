;; A guest of the world `pullgate`, controlled by the first byte of its input:
;;   t: traps   l: loops forever   m: grows memory to the limit, then traps   r: calls itself forever
;; and in `decide` alone, by an answer that is none:
;;   o: a list beyond the memory   a: a list that is not aligned   e: a decision of no kind   k: a DNS query of no kind
;;   u: a text that is not UTF-8
;; Anything else: answers.
;; After a failed call, `decide` denies for another reason than before, so that a test detects reuse of the instance.
;; A second byte `?` returns a DNS query, every time.
(module
  (import "[export]pullgate:policy/admission@0.1.0" "[resource-new]policy" (func $policy (param i32) (result i32)))
  (memory (export "memory") 16)
  (global $free (mut i32) (i32.const 4096))
  (global $failed (mut i32) (i32.const 0))
  (data (i32.const 512) "10.0.0.1")
  (data (i32.const 528) "\ff\fe\fd\fc\fb\fa\f9\f8")

  ;; Allocates memory for arguments, always from the same address, since none outlives its call.
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))

  (func $recurse (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

  ;; Acts on the first byte and returns zeros as the result.
  (func $obey (param $text i32) (result i32)
    (local $byte i32)
    (global.set $free (i32.const 4096))
    (memory.fill (i32.const 64) (i32.const 0) (i32.const 256))
    (local.set $byte (i32.load8_u (local.get $text)))
    (if (i32.eq (local.get $byte) (i32.const 0x74))
      (then (global.set $failed (i32.const 1)) (unreachable)))
    (if (i32.eq (local.get $byte) (i32.const 0x6c))
      (then (global.set $failed (i32.const 1)) (loop $for_ever (br $for_ever))))
    (if (i32.eq (local.get $byte) (i32.const 0x6d))
      (then
        (global.set $failed (i32.const 1))
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        (unreachable)))
    (if (i32.eq (local.get $byte) (i32.const 0x72))
      (then (global.set $failed (i32.const 1)) (drop (call $recurse (i32.const 0)))))
    (i32.const 64))

  ;; Writes one DNS query into the answer.
  (func $query (param $answer i32) (param $kind i32) (param $list i32) (param $length i32) (param $subject i32)
    (i32.store8 (local.get $answer) (i32.const 2))
    (i32.store offset=4 (local.get $answer) (local.get $list))
    (i32.store offset=8 (local.get $answer) (local.get $length))
    (i32.store8 (i32.const 256) (local.get $kind))
    (i32.store offset=4 (i32.const 256) (local.get $subject))
    (i32.store offset=8 (i32.const 256) (i32.const 8)))

  ;; Returns whether the first byte asks for an answer that is none, and writes it.
  (func $lie (param $byte i32) (param $answer i32) (result i32)
    (if (i32.eq (local.get $byte) (i32.const 0x6f))
      (then (call $query (local.get $answer) (i32.const 0) (i32.const 256) (i32.const 0x0fffffff) (i32.const 512))
        (return (i32.const 1))))
    (if (i32.eq (local.get $byte) (i32.const 0x61))
      (then (call $query (local.get $answer) (i32.const 0) (i32.const 257) (i32.const 1) (i32.const 512))
        (return (i32.const 1))))
    (if (i32.eq (local.get $byte) (i32.const 0x65))
      (then (i32.store8 (local.get $answer) (i32.const 9)) (return (i32.const 1))))
    (if (i32.eq (local.get $byte) (i32.const 0x6b))
      (then (call $query (local.get $answer) (i32.const 7) (i32.const 256) (i32.const 1) (i32.const 512))
        (return (i32.const 1))))
    (if (i32.eq (local.get $byte) (i32.const 0x75))
      (then (call $query (local.get $answer) (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 528))
        (return (i32.const 1))))
    (i32.const 0))

  (func (export "pullgate:policy/admission@0.1.0#[static]policy.load") (param i32 i32 i64) (result i32)
    (local $answer i32)
    (local.set $answer (call $obey (local.get 0)))
    (i32.store offset=4 (local.get $answer) (call $policy (i32.const 1)))
    (local.get $answer))

  (func (export "pullgate:policy/admission@0.1.0#[method]policy.decide")
    (param $self i32) (param $text i32) (param $length i32) (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $obey (local.get $text)))
    (if (call $lie (i32.load8_u (local.get $text)) (local.get $answer))
      (then (global.set $failed (i32.const 1)) (return (local.get $answer))))
    (if (i32.eq (i32.load8_u offset=1 (local.get $text)) (i32.const 0x3f))
      (then (call $query (local.get $answer) (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))
      (else
        (i32.store8 (local.get $answer) (i32.const 1))
        (i32.store8 offset=4 (local.get $answer) (global.get $failed))))
    (local.get $answer))

  ;; Returns an empty list, which is invalid.
  (func (export "pullgate:policy/admission@0.1.0#[method]policy.decide-many") (param i32 i32 i32) (result i32)
    (call $obey (i32.load (local.get 1))))

  (func (export "pullgate:policy/admission@0.1.0#[method]policy.decide-text")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $obey (local.get 1)))

  (func (export "pullgate:policy/admission@0.1.0#[method]policy.explain")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $obey (local.get 1)))

  ;; No trust anchors: zeros, apart from the policy's handle.
  (func (export "pullgate:policy/admission@0.1.0#[method]policy.authorities") (param i32) (result i32)
    (i32.const 128))

  (func (export "pullgate:policy/admission@0.1.0#compare") (param i32 i32 i32 i32 i64) (result i32)
    (call $obey (local.get 0)))

  (func (export "pullgate:policy/admission@0.1.0#narrow") (param i32 i32 i32 i32 i64) (result i32)
    (call $obey (local.get 0)))

  (func (export "pullgate:policy/validation@0.1.0#check-certificates") (param i32 i32 i64) (result i32)
    (call $obey (local.get 0)))

  (func (export "pullgate:policy/validation@0.1.0#check-entry") (param i32 i32 i32) (result i32)
    (call $obey (local.get 0)))

  (func (export "pullgate:policy/validation@0.1.0#check-policy") (param i32 i32 i64) (result i32)
    (call $obey (local.get 0)))

  (func (export "pullgate:policy/about@0.1.0#version") (result i32) (call $obey (i32.const 0)))
  (func (export "pullgate:policy/about@0.1.0#rules") (result i32) (call $obey (i32.const 0))))
