//! Which states a run can come back to for ever (Tarjan's strongly connected components).

/// Finds states that lie on a cycle of `edges` among those marked in `unrest`, which must be sorted.
/// One state of each component that holds any is returned.
pub(crate) fn endless(edges: &mut Vec<(u64, u64)>, unrest: &[u64]) -> Vec<u64> {
    edges.sort_unstable();
    edges.dedup();
    let mut states: Vec<u64> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    states.sort_unstable();
    states.dedup();
    let place = |state: u64| states.binary_search(&state).unwrap_or_default() as u32;
    let mut first = vec![0_u32; states.len() + 1];
    let mut next = Vec::with_capacity(edges.len());
    for (from, to) in edges.iter() {
        first[place(*from) as usize + 1] += 1;
        next.push(place(*to));
    }
    for i in 1..first.len() {
        first[i] += first[i - 1];
    }
    let mut found = Vec::new();
    for component in components(&first, &next) {
        let own = component[0];
        let loops =
            || next[first[own as usize] as usize..first[own as usize + 1] as usize].contains(&own);
        if component.len() > 1 || loops() {
            let state = component.iter().map(|place| states[*place as usize]);
            found.extend(
                state
                    .filter(|state| unrest.binary_search(state).is_ok())
                    .min(),
            );
        }
    }
    found
}

/// The strongly connected components of a graph in rows: the successors of `i` are
/// `next[first[i]..first[i + 1]]`.
fn components(first: &[u32], next: &[u32]) -> Vec<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    let count = first.len().saturating_sub(1);
    let (mut number, mut low) = (vec![NEW; count], vec![0_u32; count]);
    let (mut open, mut is_open) = (Vec::new(), vec![false; count]);
    let (mut found, mut counter) = (Vec::new(), 0);
    for root in 0..count as u32 {
        if number[root as usize] != NEW {
            continue;
        }
        let mut path: Vec<(u32, u32)> = vec![(root, first[root as usize])];
        while let Some((at, edge)) = path.last_mut() {
            let node = *at as usize;
            if number[node] == NEW {
                (number[node], low[node]) = (counter, counter);
                counter += 1;
                open.push(*at);
                is_open[node] = true;
            }
            if *edge < first[node + 1] {
                let to = next[*edge as usize];
                *edge += 1;
                if number[to as usize] == NEW {
                    path.push((to, first[to as usize]));
                } else if is_open[to as usize] {
                    low[node] = low[node].min(number[to as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((above, _)) = path.last() {
                low[*above as usize] = low[*above as usize].min(low[node]);
            }
            if low[node] == number[node] {
                let start = open.iter().rposition(|other| *other as usize == node);
                let component = open.split_off(start.unwrap_or_default());
                for member in &component {
                    is_open[*member as usize] = false;
                }
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_with_unrest_is_found_and_one_without_is_not() {
        let mut edges = vec![(1, 2), (2, 3), (3, 2), (3, 4), (4, 5), (5, 4)];
        assert_eq!(endless(&mut edges, &[1, 3]), [3]);
        assert_eq!(endless(&mut edges, &[1]), Vec::<u64>::new());
        assert_eq!(endless(&mut edges, &[2, 3, 4]).len(), 2);
    }

    #[test]
    fn a_state_that_leads_to_itself_is_a_cycle_and_a_path_is_none() {
        assert_eq!(endless(&mut vec![(7, 7)], &[7]), [7]);
        assert_eq!(
            endless(&mut vec![(7, 8), (8, 9), (7, 9)], &[7, 8, 9]),
            Vec::<u64>::new()
        );
    }

    #[test]
    fn two_cycles_through_one_state_are_one_component() {
        let mut edges = vec![(1, 2), (2, 1), (2, 3), (3, 4), (4, 2)];
        assert_eq!(endless(&mut edges, &[4]), [4]);
    }
}
