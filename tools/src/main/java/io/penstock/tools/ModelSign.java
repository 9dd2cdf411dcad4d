// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.tools;

import io.penstock.api.model.ModelRejectedException;
import io.penstock.models.Certificates;
import io.penstock.models.ReleaseFile;
import io.penstock.models.ReleaseReport;
import io.penstock.models.ReleaseSigner;
import io.penstock.models.ReleaseVerifier;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes a release. */
@Command(
        name = "sign",
        description =
                "Signs a model bundle: writes <name>-<version>.penstock. The same bundle, key and options make the same"
                        + " bytes. For two signers give --key and --certificate twice, in the same order.",
        mixinStandardHelpOptions = true)
final class ModelSign implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "BUNDLE", description = "The model bundle that 'pack' made.")
    private Path bundle;

    @Option(names = "--key", paramLabel = "FILE", required = true, description = "Private key, PKCS#8 PEM.")
    private List<Path> keys;

    @Option(
            names = "--certificate",
            paramLabel = "FILE",
            required = true,
            description = "Certificate of the signer, followed by those that issued it, PEM.")
    private List<Path> certificates;

    @Option(
            names = "--passphrase-file",
            paramLabel = "FILE",
            description = "File whose first line opens encrypted keys; '-' reads it from standard input.")
    private String passphraseFile;

    @Option(
            names = "--sequence",
            required = true,
            description = "Number that grows with every release of this model; gateways refuse lower ones.")
    private long sequence;

    @Option(names = "--pipelines", split = ",", defaultValue = "*", description = "Pipelines it is for; default all.")
    private List<String> pipelines;

    @Option(names = "--not-before", description = "Earliest instant to take it in; default 1970.")
    private Instant notBefore;

    @Option(names = "--not-after", description = "Latest instant to take it in, as 2027-01-01T00:00:00Z.")
    private Instant notAfter;

    @Option(names = "--out", paramLabel = "FILE", description = "Release to write; default beside the bundle.")
    private Path out;

    @Override
    public Integer call() throws IOException, ModelRejectedException, GeneralSecurityException {
        byte[] bytes = CommandFiles.read("BUNDLE", bundle);
        if (keys.size() != certificates.size()) {
            throw new IOException(
                    "--key: one for each --certificate, were " + keys.size() + " and " + certificates.size());
        }
        char[] passphrase = passphrase();
        List<ReleaseSigner.Signer> signers = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            CommandFiles.read("--key", keys.get(i));
            CommandFiles.read("--certificate", certificates.get(i));
            List<X509Certificate> chain = Certificates.readCertificates(certificates.get(i));
            ReleaseVerifier.checkSigner(chain.get(0), Instant.now());
            signers.add(new ReleaseSigner.Signer(Certificates.readKey(keys.get(i), passphrase), chain));
        }
        if (passphrase != null) {
            Arrays.fill(passphrase, '\0');
        }
        ReleaseFile release = ReleaseSigner.sign(
                bytes, sequence, pipelines, notBefore == null ? Instant.EPOCH : notBefore, notAfter, signers);
        String label = ReleaseReport.unverified(bytes).label();
        Path target =
                out != null ? out : bundle.toAbsolutePath().getParent().resolve(label.replace(' ', '-') + ".penstock");
        byte[] file = release.toBytes();
        CommandFiles.write(target, file);
        spec.commandLine()
                .getOut()
                .println("Signed " + label + ", sequence " + sequence + ": " + target + ", " + file.length
                        + " bytes. Next: copy it into releases/ of a gateway");
        return 0;
    }

    private char[] passphrase() throws IOException {
        if (passphraseFile == null) {
            return null;
        }
        return firstLine(
                passphraseFile.equals("-")
                        ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
                        : new String(
                                CommandFiles.read("--passphrase-file", Path.of(passphraseFile)),
                                StandardCharsets.UTF_8));
    }

    private static char[] firstLine(String text) {
        return text.lines().findFirst().orElse("").toCharArray();
    }
}
