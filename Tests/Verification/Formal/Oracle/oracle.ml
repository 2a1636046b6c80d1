(* Reads what the shipped ring was asked and answered, one call a line, and asks the proved model (model.ml, extracted from
   ../Coq/Channel/Lanes.v) the same. Ends with status 1 at the first answer that differs, and prints the calls that led there;
   else prints how often each call had each answer, and fails where one that must be reached was not.

     call arguments<TAB>answer        Trace/Trace.swift says what they are
     new KIND M note                  a new ring of 2^M slots: queue, or port
     end                              the last line: whoever dies on the way does not write it *)

open Model

let cursor_bits = 32
let agent = function "X" -> X | "Y" -> Y | text -> failwith ("no agent is called " ^ text)

let region text =
  match String.split_on_char '.' text with
  | [ slot; generation ] -> { slot = int_of_string slot; generation = int_of_string generation }
  | _ -> failwith ("no region: " ^ text)

(* region:offset:size:validOffset:validSize:isLast *)
let buffer text =
  match String.split_on_char ':' text with
  | [ home; offset; size; valid_offset; valid_size; last ] ->
      { home = region home; offset = int_of_string offset; size = int_of_string size;
        valid_offset = int_of_string valid_offset; valid_size = int_of_string valid_size; is_last = last = "1" }
  | _ -> failwith ("no buffer: " ^ text)

let text_of b =
  Printf.sprintf "%d.%d:%d:%d:%d:%d:%d" b.home.slot b.home.generation b.offset b.size b.valid_offset b.valid_size
    (if b.is_last then 1 else 0)

let reason = function
  | IsFull -> "full" | IsUnknown -> "unknownRegion" | IsIncomplete -> "incompleteChain" | IsClosed -> "closed"

let failure = function
  | AlreadyRegistered -> "alreadyRegistered" | Retired -> "retired" | UnknownRegion -> "notRegistered"
  | NotOwner -> "notOwner" | Elsewhere count -> Printf.sprintf "elsewhere %d" count
  | NotSplittable | NotMergeable -> "no" | BadBuffer -> "bad" | NotHeld -> "notHeld" | IncompleteRun -> "incompleteChain"
  | Full -> "full" | Empty -> "empty"

type world = { kind : string; lane_count : int; m : int; mutable state : lanes }

let nothing = { home = { slot = 0; generation = 0 }; offset = 0; size = 0; valid_offset = 0; valid_size = 0; is_last = true }

let make kind m =
  { kind; m; lane_count = (if kind = "port" then 2 else 1); state = start (fun _ -> 0) (fun _ _ -> nothing) }

let step world lane operation =
  let state, answer = lane_step cursor_bits world.m world.state lane operation in
  world.state <- state;
  answer

let local world who operation =
  match step world 0 (Local (agent who, operation)) with
  | Done0 -> "done" | Failed0 why -> failure why | _ -> failwith "a local call has another kind of answer"

let burst world who lane buffers =
  match step world lane (Offer (agent who, List.map buffer buffers)) with
  | Accepted (taken, why) -> Printf.sprintf "%d %s" (List.length taken) (match why with None -> "-" | Some why -> reason why)
  | _ -> failwith "a burst has another kind of answer"

let rec drain world who lane room =
  if room = 0 then []
  else match step world lane (Dequeue (agent who)) with
    | Took b -> text_of b :: drain world who lane (room - 1)
    | _ -> []

(* Which lane a port's call goes through: what X transmits and Y fills is 0's, what Y transmits and X fills 1's. *)
let lane_of call who =
  match call with
  | "transmit" | "complete" -> if who = "X" then 0 else 1
  | "fill" | "receive" | "exhausted" -> if who = "X" then 1 else 0
  | _ -> 0

let is_gone = Hashtbl.create 2

let answer world call who arguments =
  match call, arguments with
  | "register", [ r; count ] -> local world who (Register (region r, int_of_string count))
  | "deregister", [ r ] -> local world who (Deregister (region r))
  | "registrations", [ r ] -> (match size_of world.state.shared.base (region r) with Some _ -> "1" | None -> "0")
  | "carve", [ b ] -> local world who (Carve (buffer b))
  | "release", [ b ] -> local world who (Release (buffer b))
  (* A buffer's own marks and valid part are not the queue's concern: the same bytes, carved again. *)
  | "mark", [ b; c ] ->
      let gone = local world who (Release (buffer b)) in
      if gone = "done" then local world who (Carve (buffer c)) else gone
  | "split", [ b; position ] -> local world who (Split (buffer b, int_of_string position))
  | "merge", [ b; c ] -> local world who (Merge (buffer b, buffer c))
  | "enqueue", [ b ] -> (
      match String.split_on_char ' ' (burst world who 0 [ b ]) with
      | [ "1"; "-" ] -> "taken" | [ "0"; why ] -> why | _ -> failwith "one buffer has another kind of answer")
  | ("enqueueBurst" | "transmit" | "fill"), buffers -> burst world who (lane_of call who) buffers
  | "dequeue", [] -> (match drain world who 0 1 with [ b ] -> b | _ -> "nothing")
  | ("dequeueBurst" | "receive" | "complete"), [ room ] -> (
      match drain world who (lane_of call who) (int_of_string room) with
      | [] -> "nothing" | buffers -> String.concat " " buffers)
  | "arm", [] -> if arm cursor_bits world.state world.lane_count (agent who) then "sleep" else "awake"
  | "refusal", [ r ] -> (match refusal_of world.state (region r) with None -> "none" | Some why -> reason why)
  | "exhausted", [] -> if exhausted cursor_bits world.state (lane_of call who) (agent who) then "yes" else "no"
  | "accounts", [ slots ] ->
      let ((registered, flying), peer), number = accounts_of world.state (int_of_string slots) (agent who) in
      Printf.sprintf "%d %d %d %d" registered flying number peer
  | "close", [] ->
      ignore (step world 0 Close);
      let is_last = Hashtbl.length is_gone > 0 in
      Hashtbl.replace is_gone who ();
      if not is_last then "first"
      else
        let home = brought_home cursor_bits world.m world.state world.lane_count in
        Printf.sprintf "last %d" (List.fold_left (fun sum b -> sum + b.size) 0 home)
  | _ -> failwith (Printf.sprintf "no call: %s %s %s" who call (String.concat " " arguments))

(* ---- The table ---- *)

(* What is counted as one kind of answer. *)
let kind_of call answer =
  match call, String.split_on_char ' ' answer with
  | ("enqueueBurst" | "transmit" | "fill"), [ "0"; "-" ] -> "none offered"
  | ("enqueueBurst" | "transmit" | "fill"), [ _; "-" ] -> "all"
  | ("enqueueBurst" | "transmit" | "fill"), [ "0"; why ] -> why
  | ("enqueueBurst" | "transmit" | "fill"), [ _; why ] -> "some, then " ^ why
  | ("dequeue" | "dequeueBurst" | "receive" | "complete"), first :: _ when first <> "nothing" -> "buffers"
  | "accounts", _ -> "numbers"
  | _, first :: _ -> first
  | _, [] -> ""

let bursts = [ "none offered"; "all"; "full"; "unknownRegion"; "incompleteChain"; "closed"; "some, then full";
               "some, then unknownRegion"; "some, then incompleteChain" ]

let common = [
  "register", [ "done"; "alreadyRegistered"; "retired" ];
  "deregister", [ "done"; "notRegistered"; "notOwner"; "elsewhere" ];
  "registrations", [ "0"; "1" ]; "carve", [ "done" ]; "release", [ "done" ]; "mark", [ "done" ];
  "split", [ "done"; "no" ]; "merge", [ "done"; "no" ]; "arm", [ "sleep"; "awake" ]; "accounts", [ "numbers" ];
  "close", [ "first"; "last" ] ]

let wanted = [
  "queue", common @ [ "enqueue", [ "taken"; "full"; "unknownRegion"; "incompleteChain"; "closed" ]; "enqueueBurst", bursts;
                      "dequeue", [ "buffers"; "nothing" ]; "dequeueBurst", [ "buffers"; "nothing" ] ];
  "port", common @ [ "transmit", bursts; "fill", bursts; "receive", [ "buffers"; "nothing" ];
                     "complete", [ "buffers"; "nothing" ]; "refusal", [ "none"; "unknownRegion"; "closed" ];
                     "exhausted", [ "yes"; "no" ] ] ]

let counts : (string * string * string, int ref) Hashtbl.t = Hashtbl.create 100

let count key = match Hashtbl.find_opt counts key with Some n -> incr n | None -> Hashtbl.add counts key (ref 1)

let print_table () =
  let missing = ref 0 in
  let found kind call what = match Hashtbl.find_opt counts (kind, call, what) with Some n -> !n | None -> 0 in
  List.iter (fun (kind, calls) ->
      List.iter (fun (call, answers) ->
          let others =
            Hashtbl.fold (fun (k, c, a) _ all -> if k = kind && c = call && not (List.mem a answers) then a :: all else all) counts []
          in
          let cells = List.map (fun a ->
              let n = found kind call a in
              if n = 0 && List.mem a answers then (incr missing; Printf.sprintf "%s NOT REACHED" a)
              else Printf.sprintf "%s %d" a n) (answers @ List.sort compare others)
          in
          Printf.printf "      %-5s %-14s %s\n" kind call (String.concat " | " cells))
        calls)
    wanted;
  !missing

let () =
  let lines = ref 0 and traces = ref 0 and is_whole = ref false in
  let world = ref (make "queue" 1) and trace = ref [] in
  (try
     while not !is_whole do
       let line = input_line stdin in
       incr lines;
       match String.split_on_char '\t' line with
       | [ "end" ] -> is_whole := true
       | [ only ] -> (
           match String.split_on_char ' ' only with
           | "new" :: kind :: m :: _ ->
               incr traces;
               Hashtbl.reset is_gone;
               world := make kind (int_of_string m);
               trace := [ only ]
           | _ -> failwith ("no line: " ^ only))
       | [ call; given ] -> (
           trace := line :: !trace;
           match String.split_on_char ' ' call with
           | who :: name :: arguments ->
               let proved = try answer !world name who arguments with Failure text -> "impossible: " ^ text in
               if proved <> given then begin
                 List.iter (fun line -> print_endline ("      " ^ line)) (List.rev !trace);
                 Printf.printf "line %d: the ring answers \"%s\", the model \"%s\"\n" !lines given proved;
                 exit 1
               end;
               count (!world.kind, name, kind_of name proved)
           | _ -> failwith ("no call: " ^ call))
       | _ -> failwith ("no line: " ^ line)
     done
   with End_of_file -> ());
  if not !is_whole then (Printf.printf "the trace ends after line %d, before its end\n" !lines; exit 1);
  let missing = print_table () in
  Printf.printf "%d lines, %d traces, no difference\n" !lines !traces;
  if missing > 0 then (Printf.printf "%d answers were not reached\n" missing; exit 1)
