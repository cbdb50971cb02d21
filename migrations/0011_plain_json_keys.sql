-- Stored JSON has the keys of the control API: in clients, and in the faults of snapshots. A damaged row stays as it is: it
-- fails when it is read, and does not keep the server from starting.

update clients
set document = json_set(json_remove(document, '$.adopted'), '$.auto_registered', json('true'))
where json_valid(document) and document ->> '$.adopted';

update snapshots
set state = json_set(state, '$.faults', json((
    select json_group_array(json(renamed.fault))
    from (
        select (
            select json_group_object(
                case member.key
                    when 'seen' then 'matched'
                    when 'struck' then 'triggered'
                    when 'after' then 'skip'
                    else member.key
                end,
                case member.key
                    when 'effect' then json((
                        select json_group_object(
                            case part.key
                                when 'reset' then 'reset_connection'
                                when 'truncate' then 'truncate_body'
                                when 'malformed' then 'malformed_json'
                                when 'deny' then 'deny_consent'
                                else part.key
                            end,
                            -- The value of json_each would turn true into 1.
                            json(member.value -> part.fullkey)
                        )
                        from json_each(member.value) as part
                    ))
                    else json(fault.value -> member.fullkey)
                end
            )
            from json_each(fault.value) as member
        ) as fault
        from json_each(snapshots.state, '$.faults') as fault
        order by fault.key
    ) as renamed
)))
where json_valid(state) and json_type(state, '$.faults') = 'array';
