/** Reading QR codes from a camera: by the browser where it can, else by a decoder that is fetched. */
const EVERY_MS = 150;
/** Pixels of the longer side that are looked at: enough for a badge held before the camera. */
const SIDE = 640;

type Read = (canvas: HTMLCanvasElement) => Promise<string | null>;
interface Detector {
  detect(image: CanvasImageSource): Promise<{ rawValue: string }[]>;
}
type Detectors = new (options: { formats: string[] }) => Detector;

async function reader(): Promise<Read> {
  const { BarcodeDetector } = globalThis as { BarcodeDetector?: Detectors };
  if (BarcodeDetector) {
    const detector = new BarcodeDetector({ formats: ['qr_code'] });
    return async (canvas) => (await detector.detect(canvas))[0]?.rawValue ?? null;
  }
  const { default: decode } = await import('qr/decode.js');
  return async (canvas) => {
    const { width, height } = canvas;
    const image = canvas.getContext('2d')?.getImageData(0, 0, width, height);
    try {
      return image ? decode(image) : null;
    } catch {
      return null; // Nothing readable in this picture: the next comes in a moment.
    }
  };
}

function drawn(video: HTMLVideoElement, canvas: HTMLCanvasElement): boolean {
  const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  if (canvas.width === 0) return false;
  canvas
    .getContext('2d', { willReadFrequently: true })
    ?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return true;
}

/** Calls back with each text read until it is stopped; rejects when there is no camera. */
export async function scan(
  video: HTMLVideoElement,
  found: (text: string) => void
): Promise<() => void> {
  const [stream, read] = await Promise.all([
    navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } }),
    reader()
  ]);
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement('canvas');
  let stopped = false;
  const look = async (): Promise<void> => {
    if (stopped) return;
    const text = drawn(video, canvas) ? await read(canvas) : null;
    if (stopped) return;
    if (text) found(text);
    setTimeout(() => void look(), EVERY_MS);
  };
  void look();
  return () => {
    stopped = true;
    stream.getTracks().forEach((track) => track.stop());
  };
}
