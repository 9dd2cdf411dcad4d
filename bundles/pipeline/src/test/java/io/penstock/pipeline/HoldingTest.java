// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is taken of the shares is given back on every path. */
class HoldingTest {
    private static final long MIB = 1 << 20;
    private final ContractShares shares = new ContractShares(MemoryBudget.ofGateway(160));

    /** What a pipeline of this test believes to hold. */
    private static final class Book {
        final Holding holding;
        final long queue;
        final List<Holding.Candidate> candidates = new ArrayList<>();
        final List<Long> sizes = new ArrayList<>();
        long serving;

        Book(Holding holding, long queue) {
            this.holding = holding;
            this.queue = queue;
        }

        long held() {
            return queue
                    + Math.max(
                            serving,
                            sizes.stream().mapToLong(Long::longValue).max().orElse(0));
        }
    }

    // A gateway that lost a little with each failed rollout would refuse all of them after some months.
    @Test
    void anyOrderOfTakingAndGivingBackEndsAtNothing() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            List<Book> books = new ArrayList<>();
            for (int step = 0; step < 200; step++) {
                if (books.isEmpty() || random.nextInt(10) == 0) {
                    open(books, random, "p" + step);
                } else {
                    act(books, books.get(random.nextInt(books.size())), random);
                }
                long serving = books.stream().mapToLong(Book::held).sum();
                long coming = books.stream()
                        .flatMap(book -> book.sizes.stream())
                        .mapToLong(Long::longValue)
                        .sum();
                assertEquals(serving, shares.serving().taken(), "seed " + seed + ", step " + step);
                assertEquals(coming, shares.coming().taken(), "seed " + seed + ", step " + step);
                assertTrue(serving <= shares.budget().servingBytes()
                        && coming <= 2 * shares.budget().comingBytes());
            }
            books.forEach(book -> book.holding.close());
            assertEquals(0, shares.serving().taken());
            assertEquals(0, shares.coming().taken());
        }
    }

    private void open(List<Book> books, Random random, String name) {
        long queue = random.nextInt((int) (3 * MIB));
        try {
            books.add(new Book(new Holding(shares, name, queue), queue));
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("pipeline " + name + " needs "), e.getMessage());
        }
    }

    private static void act(List<Book> books, Book book, Random random) {
        int candidates = book.candidates.size();
        switch (random.nextInt(6)) {
            case 0, 1 -> {
                long bytes = random.nextInt((int) (8 * MIB));
                try {
                    book.candidates.add(book.holding.reserve("m", bytes, bytes, random.nextBoolean()));
                    book.sizes.add(bytes);
                } catch (ModelRejectedException e) {
                    assertTrue(e.getMessage().contains(" needs "), e.getMessage()); // nothing has changed
                }
            }
            case 2 -> {
                if (candidates > 0) {
                    int at = random.nextInt(candidates);
                    Holding.Candidate candidate = book.candidates.remove(at);
                    book.serving = book.sizes.remove(at);
                    candidate.serves();
                    candidate.close(); // also after it serves, and twice
                    candidate.serves();
                }
            }
            case 3 -> {
                if (candidates > 0) {
                    int at = random.nextInt(candidates);
                    book.sizes.remove(at);
                    Holding.Candidate candidate = book.candidates.remove(at);
                    candidate.close();
                    candidate.close();
                }
            }
            case 4 -> {
                long bytes = random.nextInt((int) (8 * MIB));
                if (book.holding.resize(bytes).isEmpty()) {
                    book.serving = bytes;
                }
            }
            default -> {
                if (random.nextInt(4) == 0) {
                    book.holding.close();
                    book.candidates.forEach(Holding.Candidate::serves); // too late, from a thread that came back
                    book.holding.close();
                    assertEquals("", book.holding.resize(5));
                    books.remove(book);
                }
            }
        }
    }

    // A swap that was asked for while its pipeline stopped must not take memory that nobody gives back.
    @Test
    void whoStopsTakesNothingMore() {
        Holding holding = new Holding(shares, "p", 10);
        holding.close();
        assertThrows(ModelRejectedException.class, () -> holding.reserve("m", 10, 10, true));
        assertEquals(0, shares.coming().taken());
        assertEquals(0, shares.serving().taken());
    }

    // An operator who goes back to the model before would wait for as long as the release of another pipeline warms up.
    @Test
    void goingBackNeverWaitsForWhatWarmsUpElsewhere() throws Exception {
        Holding a = new Holding(shares, "a", 0);
        Holding b = new Holding(shares, "b", 0);
        b.reserve("old", 15 * MIB, 15 * MIB, true).serves();
        long most = shares.budget().comingBytes();
        Holding.Candidate warmsUp = a.reserve("new", most, 15 * MIB, false);
        assertThrows(ModelRejectedException.class, () -> b.reserve("newer", 15 * MIB, 15 * MIB, false));
        Holding.Candidate back = b.reserve("older", 15 * MIB, 15 * MIB, true);
        assertThrows(ModelRejectedException.class, () -> b.reserve("oldest", most, 15 * MIB, true)); // that, too, ends
        back.serves();
        warmsUp.close();
        assertEquals(0, shares.coming().taken());
        a.close();
        b.close();
        assertEquals(0, shares.serving().taken());
    }

    // The operator reads who has the memory, how much there is and what to do.
    @Test
    void theRefusalNamesTheFiguresAndWhoHasMost() throws Exception {
        Holding large = new Holding(shares, "large", 20 * MIB);
        Holding small = new Holding(shares, "small", 2 * MIB);
        Holding.Candidate serving = small.reserve("model a 1.0.0 on small", 3 * MIB, 3 * MIB, true);
        serving.serves();
        String refusal = assertThrows(
                        ModelRejectedException.class,
                        () -> small.reserve("model a 2.0.0 on small", 12 * MIB, 12 * MIB, false))
                .getMessage();
        for (String part : List.of(
                "pipeline small needs 14.0 MiB",
                "of 31.0 MiB for all models that serve",
                "25.0 MiB are taken",
                "pipeline large 20.0 MiB, pipeline small 5.0 MiB",
                "heap of 160 MiB",
                "PENSTOCK_OPTS")) {
            assertTrue(refusal.contains(part), refusal);
        }
        large.close();
        small.close();
        assertEquals(0, shares.serving().taken());
    }
}
