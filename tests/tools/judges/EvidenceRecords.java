import eu.europa.esig.dss.diagnostic.TimestampWrapper;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.simplereport.jaxb.XmlTimestamp;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Has the EU's DSS library validate evidence records (RFC 4998), with its default policy and without any network.
 *
 * Arguments: trusted certificates (.crt, .pem) and lists of revoked ones (.crl). Each line of the standard input holds
 * the paths of a record and of its file, with a tab between; each line of the output what DSS says, tab-separated:
 * indication, sub-indication, number of time-stamps that passed, number of all, time of the oldest, messages.
 */
final class EvidenceRecords {
    private EvidenceRecords() {}

    public static void main(String[] arguments) throws IOException {
        CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
        List<String> lists = new ArrayList<>();
        for (String argument : arguments) {
            if (argument.endsWith(".crl")) {
                lists.add(argument);
            } else {
                CertificateToken certificate = DSSUtils.loadCertificate(new File(argument));
                trusted.addCertificate(certificate);
            }
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] paths = line.split("\t");
            System.out.println(judge(new File(paths[0]), new File(paths[1]), trusted, lists));
        }
    }

    private static String judge(
            File record, File file, CommonTrustedCertificateSource trusted, List<String> lists) {
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(trusted);
        verifier.setAIASource(null);
        if (!lists.isEmpty()) {
            List<DSSDocument> documents = new ArrayList<>();
            lists.forEach(path -> documents.add(new FileDocument(path)));
            verifier.setCrlSource(new ExternalResourcesCRLSource(documents.toArray(new DSSDocument[0])));
        }
        SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(record));
        validator.setCertificateVerifier(verifier);
        validator.setDetachedContents(List.of(new FileDocument(file)));
        Reports reports = validator.validateDocument();
        SimpleReport simple = reports.getSimpleReport();
        String id = simple.getFirstEvidenceRecordId();
        List<XmlTimestamp> stamps = simple.getEvidenceRecordTimestamps(id);
        long passed = stamps.stream().filter(s -> "PASSED".equals(s.getIndication().name())).count();
        List<String> messages = new ArrayList<>();
        simple.getAdESValidationErrors(id).forEach(m -> messages.add(m.getValue()));
        for (XmlTimestamp stamp : stamps) {
            simple.getAdESValidationErrors(stamp.getId()).forEach(m -> messages.add(m.getValue()));
        }
        List<TimestampWrapper> found = reports.getDiagnosticData().getTimestampList();
        return String.join("\t",
                String.valueOf(simple.getIndication(id)),
                String.valueOf(simple.getSubIndication(id)),
                String.valueOf(passed),
                String.valueOf(stamps.size()),
                found.isEmpty() ? "" : found.get(0).getProductionTime().toInstant().toString(),
                String.join("; ", messages).replaceAll("\\s+", " "));
    }
}
