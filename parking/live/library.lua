#!lua name=leave_first_1

-- The steps of a session, each atomic: remember the answer, change the session, write the journal.
--
-- A car inside is a hash (s session id, f facts, v version, e entered ms, g grant, k its seal, d debt notice, p prepaid
-- fen, pa paid at ms, pu paid until ms, b benefits, y earlier visits, t digest of the token that it leaves by); a car
-- that just left is the same hash under another key, with o left ms, a fee fen and c changes of the price list. What an
-- entry took is kept in case it is taken back: w the hash that it displaced, packed, and tu until when its token lets in.
-- An answered event is a string "<digest>;<decision>;<session id>".
--
-- A garage that sends a backlog takes its steps through `many`: one call, one fsync, one reply for all.
--
-- Time is an argument throughout: what expires here is rubbish, never a rule.

local NEW, REPLAYED, CONFLICT, CHANGED, FAILED, OWES = 'new', 'replayed', 'conflict', 'changed', 'failed', 'owes'
local WITHDRAWN_KEPT = 10000
local VISITS_MAX = 8

local function recall(event_key, digest)
  local known = redis.call('GET', event_key)
  if not known then return nil end
  local split = string.find(known, ';', 1, true)
  if string.sub(known, 1, split - 1) ~= digest then return { CONFLICT } end
  return { REPLAYED, string.sub(known, split + 1) }
end

local function remember(event_key, digest, answer, keep_ms)
  redis.call('SET', event_key, digest .. ';' .. answer, 'PX', keep_ms)
end

local function append(journal, event, answer, result, step, ...)
  redis.call('XADD', journal, '*', 'e', event, 'd', answer, 'r', result, 'x', step, ...)
end

-- find <car> |
local function find(keys)
  return { NEW, unpack(redis.call('HMGET', keys[1], 's', 'f', 'v', 'e', 'g', 'p', 'pa', 'pu', 'd', 'b', 'y', 't')) }
end

-- look <event> <car> | digest
local function look(keys, args)
  return recall(keys[1], args[1]) or find({ keys[2] })
end

-- The visits that a stay continues which begins at entered: those of the car that has left since, if that was not
-- longer ago than within, and its own; '' where it begins anew.
local function continued(left, entered, within)
  if not within or within == '0' then return '' end
  local was = redis.call('HMGET', left, 'e', 'o', 'a', 'y')
  local away = was[3] and was[2] and tonumber(entered) - tonumber(was[2])
  if not away or away < 0 or away > tonumber(within) then return '' end
  local earlier = was[4] and was[4] .. ',' or ''
  local _, visits = string.gsub(earlier, '%[', '')
  if visits >= VISITS_MAX then return '' end
  return earlier .. '[' .. was[1] .. ',' .. was[2] .. ',' .. was[3] .. ']'
end

-- The session of the car that has left since, where an entry is the same one read twice: read within those minutes, and
-- before the exit.
local function left_since(left, entered, within)
  local was = redis.call('HMGET', left, 's', 'e', 'o')
  if not was[3] or tonumber(entered) > tonumber(was[3]) then return nil end
  return math.abs(tonumber(entered) - tonumber(was[2])) <= tonumber(within) and was[1] or nil
end

-- look_issued <event> <issued> | digest number
local function look_issued(keys, args)
  return recall(keys[1], args[1]) or { NEW, redis.call('HGET', keys[2], args[2]) }
end

-- issue <issued> | issued_max stale_ms record number...
-- The tokens of cars that may come in, each "<digest>;<until ms>". What expired before stale_ms makes room.
local function issue(keys, args)
  local issued = keys[1]
  local issued_max, stale_ms, count = tonumber(args[1]), tonumber(args[2]), (#args - 2) / 2
  if redis.call('HLEN', issued) + count > issued_max then
    local known = redis.call('HGETALL', issued)
    for at = 1, #known, 2 do
      local until_ms = string.match(known[at + 1], ';(%d+)$')
      if tonumber(until_ms) < stale_ms then redis.call('HDEL', issued, known[at]) end
    end
    if redis.call('HLEN', issued) + count > issued_max then return 0 end
  end
  redis.call('HSET', issued, unpack(args, 3))
  return 1
end

-- Takes out a car that another entry displaces: its hash as a string, without what it has displaced itself.
local function take_out(car)
  redis.call('HDEL', car, 'w')
  local fields = redis.call('HGETALL', car)
  redis.call('DEL', car)
  return cmsgpack.pack(fields)
end

-- enter <event> <car> <inside> <journal> <debtors> <left> [<issued>] |
--   digest decision decision_if_read_twice keep_ms event session_id facts entered_ms number twice_within_ms
--   debtor overrule reentry_ms [token]
-- A car without a plate enters by its token, as it was looked at among those issued, which is used by that.
-- Where a debtor is named (number and colour) who owes, nothing changes and the answer is his notice. With
-- overrule = 1 a remembered hold for a debt is overruled: it is paid.
local function enter(keys, args)
  local event_key, car, inside, journal, debtors, left, issued = unpack(keys)
  local digest, decision, decision_twice, keep_ms, event = unpack(args, 1, 5)
  local session, facts, entered, number, within, debtor, overrule, reentry, token = unpack(args, 6, 14)
  local known = recall(event_key, digest)
  if known and not (overrule == '1' and known[1] == REPLAYED and string.sub(known[2], 1, 9) == 'hold;debt') then
    return known
  end

  if issued and redis.call('HGET', issued, number) ~= token then return { CHANGED } end

  local was = redis.call('HMGET', car, 's', 'f', 'v', 'e')
  local gap = was[1] and tonumber(entered) - tonumber(was[4])
  local over = not was[1] and left_since(left, entered, within)
  local twice = over or gap and math.abs(gap) <= tonumber(within)
  local owes = debtor ~= '' and not twice and redis.call('HGET', debtors, debtor)
  if owes then return { OWES, owes } end
  if twice then
    local answer = decision_twice .. ';' .. (over or was[1])
    remember(event_key, digest, answer, keep_ms)
    append(journal, event, answer, 'duplicate', '-')
    return { NEW, answer }
  end
  local displaced
  if was[1] then
    if gap < 0 then
      local answer = decision .. ';'
      remember(event_key, digest, answer, keep_ms)
      append(journal, event, answer, 'quarantined', '-')
      return { NEW, answer }
    end
    displaced = take_out(car)
  end

  local answer = decision .. ';' .. session
  redis.call('HSET', car, 's', session, 'f', facts, 'v', 0, 'e', entered)
  if displaced then redis.call('HSET', car, 'w', displaced) end
  if issued then
    redis.call('HDEL', issued, number)
    local digest_shown, until_ms = string.match(token, '^(.-);(%d+)$')
    redis.call('HSET', car, 't', digest_shown, 'tu', until_ms)
  end
  redis.call('ZADD', inside, entered, number)
  remember(event_key, digest, answer, keep_ms)
  local record = { 's', session, 'f', facts, 'v', 0 }
  local earlier = not was[1] and continued(left, entered, reentry) or ''
  if earlier ~= '' then
    redis.call('HSET', car, 'y', earlier)
    record[7], record[8] = 'y', earlier
  elseif was[1] then
    for at, word in ipairs({ 'os', was[1], 'of', was[2], 'ov', was[3] }) do record[6 + at] = word end
  end
  append(journal, event, answer, 'applied', 'entered', unpack(record))
  return { NEW, answer }
end

-- note <event> <journal> | digest answer keep_ms event result
local function note(keys, args)
  local known = recall(keys[1], args[1])
  if known then return known end
  remember(keys[1], args[1], args[2], args[3])
  append(keys[2], args[4], args[2], args[5], '-')
  return { NEW, args[2] }
end

local function session_fields(car)
  local held = redis.call('HMGET', car, 's', 'f', 'v', 'g', 'p', 'pa', 'pu', 'o', 'b', 'y', 'c')
  local fields = { 's', held[1], 'f', held[2], 'v', held[3] }
  for at, name in ipairs({ 'g', 'p', 'pa', 'pu', 'o', 'b', 'y', 'c' }) do
    if held[at + 3] then
      fields[#fields + 1] = name
      fields[#fields + 1] = held[at + 3]
    end
  end
  return fields
end

-- Whether the car is as it was looked at: of the same session and closing, paid for and given no more since.
-- An older gate does not say what it was paid and given.
local function unchanged(car, session, version, paid_at, benefits)
  local now = redis.call('HMGET', car, 's', 'v', 'pa', 'b')
  return now[1] == session and now[2] == version
    and (not paid_at or (now[3] or '') == paid_at) and (not benefits or (now[4] or '-') == benefits)
end

-- leave <event> <car> <inside> <left> <journal> |
--   digest answer keep_ms event session_id version left_ms number keep_left_ms overrule paid_at_ms benefits
--   fee_fen changes
-- With overrule = 1 a remembered hold of the same event is overruled: the car has left in fact.
local function leave(keys, args)
  local event_key, car, inside, left, journal = unpack(keys)
  local digest, answer, keep_ms, event, session = unpack(args, 1, 5)
  local version, left_ms, number, keep_left_ms, overrule, paid_at, benefits = unpack(args, 6, 12)
  local fee, changes = args[13], args[14]
  local known = recall(event_key, digest)
  if known and not (overrule == '1' and known[1] == REPLAYED and string.sub(known[2], 1, 4) == 'hold') then
    return known
  end
  if not unchanged(car, session, version, paid_at, benefits) then return { CHANGED } end

  redis.call('HSET', car, 'v', tonumber(version) + 1, 'o', left_ms)
  if fee then redis.call('HSET', car, 'a', fee) end
  if changes and changes ~= '' then redis.call('HSET', car, 'c', changes) end
  redis.call('RENAME', car, left)
  redis.call('PEXPIRE', left, keep_left_ms)
  redis.call('ZREM', inside, number)
  remember(event_key, digest, answer, keep_ms)
  append(journal, event, answer, 'applied', 'left', unpack(session_fields(left)))
  return { NEW, answer }
end

-- The car is not inside: it never parked.
local function undo_entry(car, inside, journal, number, answer, event)
  local fields = session_fields(car)
  redis.call('DEL', car)
  redis.call('ZREM', inside, number)
  append(journal, event, answer .. ';' .. fields[2], 'applied', 'entry_undone', unpack(fields))
  return answer .. ';' .. fields[2]
end

-- The car is inside again, as it was.
local function undo_exit(car, inside, left, journal, number, answer, event)
  local fields = session_fields(left)
  redis.call('HDEL', left, 'o', 'a', 'c')
  redis.call('PERSIST', left)
  redis.call('RENAME', left, car)
  redis.call('ZADD', inside, redis.call('HGET', car, 'e'), number)
  append(journal, event, answer .. ';' .. fields[2], 'applied', 'exit_undone', unpack(fields))
  return answer .. ';' .. fields[2]
end

-- turn_back <event> <car> <inside> <left> <journal> |
--   digest decision decision_if_no_passage keep_ms event direction at_ms within_ms number
local function turn_back(keys, args)
  local event_key, car, inside, left, journal = unpack(keys)
  local digest, decision, decision_none, keep_ms, event = unpack(args, 1, 5)
  local direction, at_ms, within_ms, number = unpack(args, 6, 9)
  local known = recall(event_key, digest)
  if known then return known end

  local function recent(key, field)
    local moment = redis.call('HGET', key, field)
    local gap = moment and tonumber(at_ms) - tonumber(moment)
    return gap and gap >= 0 and gap <= tonumber(within_ms)
  end
  local answer
  if direction ~= 'exit' and recent(car, 'e') then
    answer = undo_entry(car, inside, journal, number, decision, event)
  elseif direction ~= 'entry' and recent(left, 'o') and redis.call('EXISTS', car) == 0 then
    answer = undo_exit(car, inside, left, journal, number, decision, event)
  else
    answer = decision_none .. ';'
    append(journal, event, answer, 'quarantined', '-')
  end
  remember(event_key, digest, answer, keep_ms)
  return { NEW, answer }
end

-- As undo_entry, of an entry that has not been: what it took is given back, the token and the stay that it displaced.
-- That goes on as after a closing that was undone.
local function take_entry_back(car, inside, journal, issued, number, answer, event)
  local took = redis.call('HMGET', car, 't', 'tu', 'w')
  local fields = session_fields(car)
  redis.call('DEL', car)
  redis.call('ZREM', inside, number)
  if issued and took[1] and took[2] then redis.call('HSETNX', issued, number, took[1] .. ';' .. took[2]) end
  if took[3] then
    redis.call('HSET', car, unpack(cmsgpack.unpack(took[3])))
    redis.call('HINCRBY', car, 'v', 1)
    redis.call('ZADD', inside, redis.call('HGET', car, 'e'), number)
    local resumed = redis.call('HMGET', car, 's', 'f', 'v', 'y')
    for at, name in ipairs({ 'rs', 'rf', 'rv', 'ry' }) do
      if resumed[at] then
        fields[#fields + 1] = name
        fields[#fields + 1] = resumed[at]
      end
    end
  end
  append(journal, event, answer .. ';' .. fields[2], 'applied', 'entry_undone', unpack(fields))
  return answer .. ';' .. fields[2]
end

-- take_back <event> <car> <inside> <left> <journal> [<issued>] | digest kind hold keep_ms event session_id number
-- The event was answered with an opening that never reached its gate, which stayed shut: what it did is undone.
local function take_back(keys, args)
  local event_key, car, inside, left, journal, issued = unpack(keys)
  local digest, kind, hold, keep_ms, event, session, number = unpack(args)
  local known = recall(event_key, digest)
  if known and not (known[1] == REPLAYED and string.sub(known[2], 1, 4) == 'open') then return known end

  local answer
  if kind == 'entry' and redis.call('HGET', car, 's') == session then
    answer = take_entry_back(car, inside, journal, issued, number, hold, event)
  elseif kind == 'exit' and redis.call('HGET', left, 's') == session and redis.call('EXISTS', car) == 0 then
    answer = undo_exit(car, inside, left, journal, number, hold, event)
  else
    answer = hold .. ';'
    append(journal, event, answer, 'quarantined', '-')
  end
  remember(event_key, digest, answer, keep_ms)
  return { NEW, answer }
end

-- past <event> <journal> [<car>] | digest answer keep_ms (event answer step fields_count field...)...
-- Journals steps of a stay that is over, of which the live store knows nothing; once. Its fields begin with its id. If
-- it is the one that the car inside has displaced, it cannot come back; if it has come back, nothing changes.
local function past(keys, args)
  local known = recall(keys[1], args[1])
  if known then return known end
  local car, session = keys[3], args[9]
  if car then
    if redis.call('HGET', car, 's') == session then return { CHANGED } end
    local displaced = redis.call('HGET', car, 'w')
    if displaced then
      local fields = cmsgpack.unpack(displaced)
      for at = 1, #fields, 2 do
        if fields[at] == 's' and fields[at + 1] == session then redis.call('HDEL', car, 'w') end
      end
    end
  end
  remember(keys[1], args[1], args[2], args[3])
  local at = 4
  while args[at] do
    local last = at + 3 + tonumber(args[at + 3])
    append(keys[2], args[at], args[at + 1], 'applied', args[at + 2], unpack(args, at + 4, last))
    at = last + 1
  end
  return { NEW, args[2] }
end

-- Tells whoever listens to a partition's changes which key has changed; that nobody heard it changes nothing.
local function tell(channel, key)
  if channel then redis.call('SPUBLISH', channel, key) end
end

-- Whose signed grants a garage hands out: two sorted sets say which change gave or took one last, by number; a
-- hash the number of changes '#', since when they are counted '#e', and which are forgotten '#f'.
local function hand_out(counts, given, taken, channel, number, signed, now_ms)
  if not signed and redis.call('ZREM', given, number) == 0 then return end
  tell(channel, counts)
  redis.call('HSETNX', counts, '#e', now_ms)
  local change = redis.call('HINCRBY', counts, '#', 1)
  if signed then
    redis.call('ZADD', given, change, number)
    redis.call('ZREM', taken, number)
    return
  end
  redis.call('ZADD', taken, change, number)
  local forgotten = redis.call('ZRANGE', taken, 0, -WITHDRAWN_KEPT - 1, 'WITHSCORES')
  if #forgotten > 0 then
    redis.call('HSET', counts, '#f', forgotten[#forgotten])
    redis.call('ZREMRANGEBYRANK', taken, 0, -WITHDRAWN_KEPT - 1)
  end
end

-- grant <car> <counts> <given> <taken> <changes> | session_id grant debt seal number now_ms benefits
-- Benefits of '-' are not known: what the car has stays.
local function grant(keys, args)
  local car, counts, given, taken, channel = unpack(keys)
  local session, text, debt, seal, number, now_ms, benefits = unpack(args)
  if redis.call('HGET', car, 's') ~= session then return 0 end
  redis.call('HSET', car, 'g', text)
  if debt == '' then redis.call('HDEL', car, 'd') else redis.call('HSET', car, 'd', debt) end
  if benefits and benefits ~= '-' then redis.call('HSET', car, 'b', benefits) end
  if seal == '' then redis.call('HDEL', car, 'k') else redis.call('HSET', car, 'k', seal) end
  hand_out(counts, given, taken, channel, number, seal ~= '', now_ms)
  tell(channel, car)
  return 1
end

-- withdraw <car> <counts> <given> <taken> <changes> | number now_ms
-- Takes back the signed grant of a car that has left, unless it is inside again.
local function withdraw(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return 0 end
  hand_out(keys[2], keys[3], keys[4], keys[5], args[1], false, args[2])
  return 1
end

-- grants <counts> <given> <taken> | epoch since
-- What changed after change number since of the epoch: epoch, number of changes, 1 if all is told, then the
-- numbers given, then after a '#' the numbers taken back.
local function grants(keys, args)
  local counts, given, taken = unpack(keys)
  local state = redis.call('HMGET', counts, '#e', '#', '#f')
  local epoch, count, floor = state[1] or '0', state[2] or '0', state[3] or '0'
  local since = tonumber(args[2])
  local whole = args[1] ~= epoch or since < tonumber(floor)
  if whole then since = 0 end
  local reply = { epoch, count, whole and '1' or '0' }
  for _, number in ipairs(redis.call('ZRANGE', given, '(' .. since, '+inf', 'BYSCORE')) do
    reply[#reply + 1] = number
  end
  reply[#reply + 1] = '#'
  if not whole then
    for _, number in ipairs(redis.call('ZRANGE', taken, '(' .. since, '+inf', 'BYSCORE')) do
      reply[#reply + 1] = number
    end
  end
  return reply
end

-- prepay <car> <changes> | session_id total_fen paid_at_ms paid_until_ms
-- The total comes from the books, so that repeating it changes nothing.
local function prepay(keys, args)
  if redis.call('HGET', keys[1], 's') ~= args[1] then return 0 end
  redis.call('HSET', keys[1], 'p', args[2], 'pa', args[3], 'pu', args[4])
  tell(keys[2], keys[1])
  return 1
end

-- give_back <car> <left> | session_id total_fen
-- Some of what was paid inside was given back. A car that has left is told of it too: its exit may still be undone.
local function give_back(keys, args)
  for _, key in ipairs(keys) do
    if redis.call('HGET', key, 's') == args[1] then redis.call('HSET', key, 'p', args[2]) end
  end
  return 1
end

-- replace_token <car> | session_id token_digest
local function replace_token(keys, args)
  if redis.call('HGET', keys[1], 's') ~= args[1] then return 0 end
  redis.call('HSET', keys[1], 't', args[2])
  return 1
end

-- restore <car> <inside> <left> |
--   session_id facts version entered_ms number earlier token_digest [total_fen paid_at_ms paid_until_ms]
-- A car that has left since the books last heard of it stays outside.
local function restore(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return 0 end
  local gone = redis.call('HMGET', keys[3], 's', 'v')
  if gone[1] == args[1] and tonumber(gone[2]) > tonumber(args[3]) then return 0 end
  redis.call('HSET', keys[1], 's', args[1], 'f', args[2], 'v', args[3], 'e', args[4])
  if args[6] ~= '' then redis.call('HSET', keys[1], 'y', args[6]) end
  if args[7] ~= '' then redis.call('HSET', keys[1], 't', args[7]) end
  if args[8] then redis.call('HSET', keys[1], 'p', args[8], 'pa', args[9], 'pu', args[10]) end
  redis.call('ZADD', keys[2], args[4], args[5])
  return 1
end

local function after(position)
  local ms, sequence = string.match(position, '(%d+)-(%d+)')
  return ms .. '-' .. string.format('%d', tonumber(sequence) + 1)
end

local function before(a, b)
  local a_ms, a_sequence = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_sequence = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_sequence) < tonumber(b_sequence)
end

-- settle <journal> | groups_expected group position...
-- Acknowledges, then drops what every group has settled; nothing while a group is missing.
local function settle(keys, args)
  local journal = keys[1]
  if redis.call('EXISTS', journal) == 0 then return 0 end
  local settled = redis.call('XACK', journal, unpack(args, 2))
  local groups = redis.call('XINFO', 'GROUPS', journal)
  if #groups < tonumber(args[1]) then return settled end
  local keep_from
  for _, group in ipairs(groups) do
    local info = {}
    for at = 1, #group, 2 do info[group[at]] = group[at + 1] end
    local pending = redis.call('XPENDING', journal, info['name'])
    local bound = pending[2] or after(info['last-delivered-id'])
    if not keep_from or before(bound, keep_from) then keep_from = bound end
  end
  if keep_from then redis.call('XTRIM', journal, 'MINID', keep_from) end
  return settled
end

local STEPS = {
  lf1_look = look, lf1_find = find, lf1_look_issued = look_issued, lf1_enter = enter, lf1_note = note, lf1_leave = leave, lf1_turn_back = turn_back,
  lf1_take_back = take_back,
}

-- many <keys of all steps> | (step keys_count arguments_count argument...)...
-- Takes steps one after the other, each with its own reply. One that fails says so and harms no other.
local function many(keys, args)
  local replies, key_at, at = {}, 1, 1
  while args[at] do
    local step, keys_count, arguments_count = STEPS[args[at]], tonumber(args[at + 1]), tonumber(args[at + 2])
    local own_keys = { unpack(keys, key_at, key_at + keys_count - 1) }
    local own_arguments = { unpack(args, at + 3, at + 2 + arguments_count) }
    local done, reply = pcall(step, own_keys, own_arguments)
    replies[#replies + 1] = done and reply or { FAILED, type(reply) == 'table' and reply.err or tostring(reply) }
    key_at, at = key_at + keys_count, at + 3 + arguments_count
  end
  return replies
end

redis.register_function{ function_name = 'lf1_find', callback = find, flags = { 'no-writes' } }
redis.register_function{ function_name = 'lf1_look', callback = look, flags = { 'no-writes' } }
redis.register_function{ function_name = 'lf1_look_issued', callback = look_issued, flags = { 'no-writes' } }
redis.register_function('lf1_issue', issue)
redis.register_function('lf1_replace_token', replace_token)
redis.register_function('lf1_enter', enter)
redis.register_function('lf1_note', note)
redis.register_function('lf1_leave', leave)
redis.register_function('lf1_turn_back', turn_back)
redis.register_function('lf1_take_back', take_back)
redis.register_function('lf1_past', past)
redis.register_function('lf1_many', many)
redis.register_function('lf1_grant', grant)
redis.register_function('lf1_withdraw', withdraw)
redis.register_function{ function_name = 'lf1_grants', callback = grants, flags = { 'no-writes' } }
redis.register_function('lf1_prepay', prepay)
redis.register_function('lf1_give_back', give_back)
redis.register_function('lf1_restore', restore)
redis.register_function('lf1_settle', settle)
