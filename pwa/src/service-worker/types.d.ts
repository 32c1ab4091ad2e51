/** The Badging API in workers, which the DOM library declares for pages only. */
interface NavigatorBadge {
  setAppBadge(count?: number): Promise<void>;
  clearAppBadge(): Promise<void>;
}
