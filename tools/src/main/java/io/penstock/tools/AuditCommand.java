// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.audit.AuditVerifier;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Looks into the audit log of a gateway, running or not. */
@Command(
        name = "audit",
        description = "Checks and shows the audit log of a gateway.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {AuditCommand.Verify.class, AuditCommand.Show.class})
final class AuditCommand implements Runnable {
    private static final int MOST_TOLD = 100;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "audit: verify or show");
    }

    /** Users choose some of these texts; a line is one record, moves no cursor and turns no letters round. */
    private static String oneLine(String text) {
        return text.replaceAll("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]", " ");
    }

    private static Path directory(Path home) {
        return home.resolve("data").resolve("audit");
    }

    /** Exit code 0 only if the chain is whole. */
    @Command(
            name = "verify",
            description = "Reads the whole chain and tells every broken place.",
            mixinStandardHelpOptions = true)
    static final class Verify implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private ModelCommand.Home home;

        @Option(
                names = "--expect",
                paramLabel = "NUMBER:HASH",
                description = "A record noted elsewhere, as this command prints it; a log written anew is told by it.")
        private String expect;

        @Override
        public Integer call() throws IOException {
            AuditVerifier verifier = new AuditVerifier(directory(home.path()));
            if (expect != null) {
                if (!expect.matches("[0-9]{1,18}:[0-9a-f]{64}")) {
                    throw new ParameterException(
                            spec.commandLine(), "--expect: a number, a colon, 64 hexadecimal digits, was " + expect);
                }
                int colon = expect.indexOf(':');
                verifier.expecting(Long.parseLong(expect.substring(0, colon)), expect.substring(colon + 1));
            }
            AuditVerifier.Verdict verdict = verifier.verify();
            verdict.breaks().stream().limit(MOST_TOLD).forEach(this::tell);
            if (verdict.broken() > MOST_TOLD) {
                error("penstock: audit broken: " + (verdict.broken() - MOST_TOLD) + " more broken places");
            }
            PrintWriter out = spec.commandLine().getOut();
            out.println((verdict.whole() ? "whole: " : "broken in " + verdict.broken() + " places: ")
                    + verdict.records() + " records in " + verdict.segments() + " files, last " + verdict.lastSeq()
                    + ":"
                    + verdict.lastHash());
            if (verdict.gaps() > 0) {
                out.println(verdict.lost() + " records were not kept, in " + verdict.gaps()
                        + " recorded gaps (look for AUDIT_GAP)");
            }
            verdict.remarks().forEach(remark -> out.println(oneLine(remark)));
            verdict.unknown().stream()
                    .limit(MOST_TOLD)
                    .forEach(write -> out.println(oneLine("record " + write.seq() + " at " + write.time() + ": loop "
                            + write.subject() + " was asked for " + write.value()
                            + ", outcome unknown: the process ended, or the write is on its way")));
            return verdict.whole() ? 0 : 1;
        }

        private void tell(AuditVerifier.Break broken) {
            String place = broken.line() == 0 ? broken.file() : broken.file() + " line " + broken.line();
            error("penstock: audit broken: " + place + ": " + broken.kind() + ": " + broken.reason());
        }

        private void error(String line) {
            spec.commandLine().getErr().println(oneLine(line));
        }
    }

    /** Prints records, oldest first. */
    @Command(name = "show", description = "Prints the last records, oldest first.", mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private ModelCommand.Home home;

        @Option(
                names = "--last",
                defaultValue = "50",
                paramLabel = "N",
                description = "How many records, 1 to 1000000; ${DEFAULT-VALUE} if not given.")
        private int last;

        @Option(names = "--subject", paramLabel = "NAME", description = "Only of this loop, pipeline, release or user.")
        private String subject;

        @Option(names = "--action", paramLabel = "WORD", description = "Only this action, e.g. WRITE_REFUSED.")
        private String action;

        @Option(names = "--actor", paramLabel = "NAME", description = "Only by this user or part, wherever from.")
        private String actor;

        @Option(names = "--origin", paramLabel = "TEXT", description = "Only from there, e.g. cli or 10.0.0.7.")
        private String origin;

        @Override
        public Integer call() throws IOException {
            if (last < 1 || last > 1_000_000) {
                throw new ParameterException(spec.commandLine(), "--last: 1 to 1000000, was " + last);
            }
            Deque<AuditVerifier.Entry> kept = new ArrayDeque<>();
            new AuditVerifier(directory(home.path())).read(entry -> {
                if (wanted(subject, entry.subject())
                        && wanted(action, entry.action())
                        && wanted(actor, entry.actor())
                        && (origin == null || entry.origin().contains(origin))) {
                    if (kept.size() == last) {
                        kept.removeFirst();
                    }
                    kept.addLast(entry);
                }
            });
            PrintWriter out = spec.commandLine().getOut();
            kept.forEach(entry -> out.println(line(entry)));
            return 0;
        }

        private static boolean wanted(String asked, String there) {
            return asked == null || asked.equals(there);
        }

        private static String line(AuditVerifier.Entry entry) {
            StringBuilder line = new StringBuilder();
            line.append(entry.seq())
                    .append(' ')
                    .append(entry.time())
                    .append(' ')
                    .append(entry.actor());
            if (!entry.origin().isEmpty() && !entry.origin().equals(entry.actor())) {
                line.append(" (").append(entry.origin()).append(')');
            }
            line.append(' ').append(entry.action()).append(' ').append(entry.subject());
            if (!Double.isNaN(entry.offered())) {
                line.append(" offered ").append(entry.offered());
            }
            if (!Double.isNaN(entry.value())) {
                line.append(" value ").append(entry.value());
            }
            return oneLine(line.append(' ').append(entry.detail()).toString());
        }
    }
}
