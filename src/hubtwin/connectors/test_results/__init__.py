"""Test results: FHIR R4 Observation and DiagnosticReport, one or a Bundle of them, in JSON."""

from hubtwin.connectors.test_results.mapper import read
from hubtwin.datasets.screening import TEST_RESULTS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="test_results",
    title={"zh": "抗原与核酸检测结果", "en": "antigen and nucleic-acid test results"},
    owner="laboratories and sampling points",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(TEST_RESULTS.name,),
    formats=("FHIR R4 Observation, DiagnosticReport or Bundle (JSON)",),
)
CONNECTOR = Connector(MANIFEST, read)
